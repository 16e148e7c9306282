-- Health of an object of Sharenet; of Lua's libraries only the base is needed.
local function finding(type)
  if obj.status ~= nil and obj.status.conditions ~= nil then
    for _, condition in ipairs(obj.status.conditions) do
      if condition.type == type then
        return condition
      end
    end
  end
  return nil
end

local function health(status, condition)
  if condition == nil then
    return { status = status, message = "" }
  end
  return { status = status, message = condition.reason .. ": " .. (condition.message or "") }
end

local ready = finding("Ready")
if ready == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "waits for the operator" }
end
-- A person has to remove these; they are no fault of the manifest.
if ready.reason == "Paused" or ready.reason == "SharePaused" or ready.reason == "Maintenance" then
  return health("Suspended", ready)
end
local stalled = finding("Stalled")
if stalled ~= nil and stalled.status == "True" then
  return health("Degraded", stalled)
end
if ready.status ~= "True" then
  return health("Progressing", ready)
end
local warning = finding("Warning")
if warning ~= nil then
  return health("Healthy", warning)
end
local services = finding("SecurityServicesUpToDate")
if services ~= nil and services.status == "False" then
  return health("Healthy", services)
end
return { status = "Healthy", message = "" }
