import { blocked, nothing, type ReasonRecords, ready, stalled, working } from './reason-record.ts';

/** Reasons of a SecurityService. */
export const securityServiceReasons = {
  CABundleInvalid: {
    places: stalled,
    meaning:
      'The text of tls.caBundle, or of the Secret that tls.caSecretRef names, has content that is not a PEM certificate.',
    remedy: {
      kind: 'correct',
      text: 'Store the CA certificates that issued the certificate of the LDAP server, in PEM and nothing else.',
    },
  },
  Complete: { places: ready, meaning: 'The service has everything that its type requires.', remedy: nothing },
  CredentialsDestinationNotAllowed: {
    places: working,
    meaning:
      'The annotation sharenet.io/credentials-destinations of the password Secret does not include all destinations that the service names.',
    remedy: {
      kind: 'correct',
      text: 'Correct servers, domain or dnsIPs of the service. If they are right, ask the owner of the Secret to add them to the annotation.',
    },
  },
  CredentialsDestinationsRequired: {
    places: working,
    meaning:
      'The operator runs with --require-credential-destinations, and the password Secret does not list the destinations of its password.',
    remedy: {
      kind: 'correct',
      text: 'Add the annotation sharenet.io/credentials-destinations to the Secret, with the domain, servers, addresses or networks of the directory.',
    },
  },
  CredentialsNotBound: {
    places: working,
    meaning: 'The annotation sharenet.io/credentials-for binds the password Secret to other services.',
    remedy: { kind: 'correct', text: 'Add the name of the service to the annotation, or refer to another Secret.' },
  },
  CredentialsNotFound: {
    places: working,
    meaning:
      'The Secret with the password, or with the CA certificates of an LDAP server, does not exist, does not have the required label, or lacks the key.',
    remedy: {
      kind: 'correct',
      text: 'Create it with the label sharenet.io/credentials: "true" and the key that passwordSecretRef or tls.caSecretRef names.',
    },
  },
  CredentialsRefused: {
    places: stalled,
    meaning:
      'A directory refused the user or the password. No share server tries them again, because directories lock accounts after repeated failures.',
    remedy: {
      kind: 'reconcile',
      text: 'Correct the password in the Secret, or the service. To try the same credentials once more, for example after the account was unlocked, set the annotation sharenet.io/reconcile-requested-at.',
    },
  },
  InvalidDistinguishedName: {
    places: stalled,
    meaning: 'A value with "=" in ou, or in user or domain of an LDAP service, is not a distinguished name.',
    remedy: {
      kind: 'correct',
      text: 'Correct the value as the message says: it names the field and the character, and shows how to write it.',
    },
  },
  NamespaceNotAllowed: {
    places: stalled,
    meaning:
      'Security services in the namespace of the operator are refused, because the Secrets there belong to backends.',
    remedy: { kind: 'correct', text: 'Create the service in the namespace of its share networks.' },
  },
  PasswordInvalid: {
    places: stalled,
    meaning:
      'The password Secret has content that cannot be a password: it is empty, not UTF-8, too long, or ends with a line break.',
    remedy: {
      kind: 'correct',
      text: 'Store the password as one line of UTF-8 text without a line break at its end, as kubectl create secret --from-literal does.',
    },
  },
  SecurityServiceInUse: {
    places: [...blocked, ...stalled],
    meaning:
      'A share network records the service, or a share server has it. It cannot be deleted, and only its description can be changed.',
    remedy: {
      kind: 'correct',
      text: 'To delete the service, give the network another service or delete the objects that the message names. To resolve an edit, change it back.',
    },
  },
  SecurityServiceIncomplete: {
    places: stalled,
    meaning: 'Fields that the type of the service requires are missing.',
    remedy: { kind: 'correct', text: 'Set the fields that the message names.' },
  },
} as const satisfies ReasonRecords;
