/** Annotation on a ShareNetwork: run the change flow again with present data, once per token. */
export const reapplyRequestedAt = 'sharenet.io/reapply-requested-at';
/** Annotation on a ShareNetwork: guard and driver checks only, `<type>=<name>[,...]`. */
export const checkSecurityServices = 'sharenet.io/check-security-services';
/** Annotation on a ShareNetwork: servers not yet begun keep their old services; the value is the change's id. */
export const abortChange = 'sharenet.io/abort-change';
/** Annotation on every kind: look again now, once per token; on a Share also full recovery of its access rules. */
export const reconcileRequestedAt = 'sharenet.io/reconcile-requested-at';
/** Annotation on every kind: leave it alone while `"true"`. */
export const paused = 'sharenet.io/paused';
/** Annotation on an object being deleted: drop the finalizer without calling a driver. */
export const abandon = 'sharenet.io/abandon';
/** Annotation of a Share and a ShareServer: the UID of the object that it was written for. Another one is that of a backup. */
export const recordedUID = 'sharenet.io/recorded-uid';
/** Label of Secrets that may be used as credentials. */
export const credentialsLabel = 'sharenet.io/credentials';
/** Annotation of a credentials Secret: comma-separated names of the SecurityServices that may use it. */
export const credentialsFor = 'sharenet.io/credentials-for';
/**
 * Annotation of a credentials Secret: comma-separated domains, names of servers, addresses and networks that its passwords may be
 * sent to. It is apart from {@link credentialsFor}, since a SecurityService can be named like a domain.
 */
export const credentialsDestinations = 'sharenet.io/credentials-destinations';
/** Label of Secrets made by the operator for a ShareAccess. */
export const accessKeyLabel = 'sharenet.io/access-key';
/** Annotation of an access key Secret: keyed digest of its data as the operator wrote it. */
export const accessKeyDigest = 'sharenet.io/access-key-digest';
/** Finalizer on every object with an effect outside of Kubernetes or that others rely on. */
export const finalizer = 'sharenet.io/finalizer';
