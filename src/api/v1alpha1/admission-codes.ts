/**
 * HTTP status that the validating webhook answers with, by reason. The same reasons are in conditions where it is not
 * there. 400: the request says something wrong; 403: it is not allowed; 409: not now, to be tried again; 422: as the API server
 * answers it from the CRD.
 */
export const admissionCodes = {
  AccessIDReserved: 403,
  AccessLevelNotSupported: 400,
  AccessTypeNotSupported: 400,
  AccessRulesNotActive: 409,
  BackendUnavailable: 409,
  CapabilityNotSupported: 400,
  DuplicateAccessRule: 400,
  IdentityFieldsImmutable: 403,
  InvalidAccessRule: 400,
  InvalidConfiguration: 400,
  InvalidDistinguishedName: 400,
  InvalidSize: 400,
  NamespaceNotAllowed: 403,
  NoValidBackend: 400,
  ProtocolNotSupported: 400,
  SecurityServiceIncomplete: 400,
  SecurityServiceInUse: 403,
  SecurityServiceNotAllowed: 403,
  SecurityServiceNotFound: 400,
  SecurityServiceTypeMismatch: 400,
  SecurityServiceTypeNotSupported: 403,
  SecurityServiceUpdateNotSupported: 403,
  SegmentNotAllowed: 403,
  ShareBusy: 409,
  ShareNetworkInUse: 403,
  ShareNetworkNotActive: 422,
  ShareNetworkNotSupported: 400,
  ShareNetworkRequired: 400,
  ShareServerNotActive: 409,
  SubnetInUse: 403,
  SubnetInvalid: 400,
  TooManyAccessRules: 403,
} as const;

/** Reason of a refusal by the webhook. */
export type AdmissionReason = keyof typeof admissionCodes;
