/** Types of conditions with what they mean. */
export const conditionTypes = {
  Ready:
    'Always present. True: the object matches its spec. False: the reason and the message of the condition say why not.',
  Reconciling: 'Present only while True: the operator is working, or is waiting for something or for another object.',
  Stalled: 'Present only while True: nothing more happens until someone changes something.',
  SecurityServicesUpToDate:
    'On a ShareNetwork and a ShareServer: whether share servers have the security services that the network records.',
  DeletionBlocked: 'Present only while True: the object is being deleted, and something prevents it.',
  InvalidRequestToken: 'Present only while True: a request annotation has a value that is not a valid token.',
  KnownVulnerabilities:
    'Present only while True, on a StorageBackend: its storage system runs a version with published vulnerabilities. Ready is not affected.',
  CallsSuspended:
    'Present only while True, on a StorageBackend: its storage system did not answer the last probe. The operator makes no driver calls until it answers; work that needs them waits.',
  Warning:
    'Present only while True: the last driver call succeeded with warnings. Each warning is also reported as an event.',
} as const;

/** Type of a condition. */
export type ConditionType = keyof typeof conditionTypes;
