import { type Failures, failures } from '../kit/failures.ts';
import { type DriverReasonRecord, type DriverReasonRecords, kitReasons } from '../kit/reasons.ts';

const unreachable: DriverReasonRecord = {
  meaning: 'The host does not answer, or did not finish in time. The operator tries again.',
  remedy: {
    kind: 'administrator',
    text: 'Check the host, its network, and `address` and `port`; the message has the code.',
  },
};

const programFailed: DriverReasonRecord = {
  meaning: 'The program on the host is missing, ended without an answer, or is of another version.',
  remedy: {
    kind: 'administrator',
    text: "Run `install.sh` of the operator's version on the host; the operator log has what the program said.",
  },
};

const noRoom: DriverReasonRecord = {
  meaning: 'No host can take another share server.',
  remedy: { kind: 'administrator', text: 'Add a host, repair one, or raise `maxShareServersPerHost`.' },
};

/** The reasons that the driver itself gives, in the order of the documentation. The program on the hosts gives further ones. */
export const sambaReasons = {
  ...kitReasons,
  HostUnreachable: unreachable,
  HostConnectionLost: unreachable,
  OperationTimeout: unreachable,
  HostKeyMismatch: {
    meaning: 'The host shows another key than `hostKey`.',
    remedy: { kind: 'administrator', text: 'Find out why, then correct `hostKey`.' },
  },
  HostLoginFailed: {
    meaning: 'The host refused the user or the SSH key. The operator waits some minutes before it tries again.',
    remedy: { kind: 'administrator', text: 'Put the line into `authorized_keys`; correct `user` or the Secret.' },
  },
  HostHandshakeFailed: {
    meaning: 'The host has no key of the kind of `hostKey`, or no SSH that the operator knows.',
    remedy: { kind: 'administrator', text: 'Give a `hostKey` of a kind that the SSH server has.' },
  },
  HostProgramMissing: programFailed,
  HostProgramFailed: programFailed,
  UnexpectedAnswer: programFailed,
  HostProgramOutdated: {
    meaning: 'The program on the host is of an older version. The driver changes nothing there.',
    remedy: { kind: 'administrator', text: "Run `install.sh` of the operator's version on the host." },
  },
  HostNotPrepared: {
    meaning: 'Something on the host is missing that share servers require.',
    remedy: { kind: 'administrator', text: 'Do what the message says.' },
  },
  HostBusy: {
    meaning: 'Interrupted commands still run on the host.',
    remedy: { kind: 'administrator', text: "If this persists, raise sshd's `MaxSessions`." },
  },
  HostNotConfigured: {
    meaning: 'The share server is on a host that `spec.samba.hosts` no longer has.',
    remedy: { kind: 'administrator', text: 'Put the host back into `spec.samba.hosts`.' },
  },
  HostsFull: noRoom,
  NoHostFit: noRoom,
  CredentialsInvalid: {
    meaning: 'The Secret has no private SSH key without a passphrase.',
    remedy: { kind: 'administrator', text: 'Correct the Secret as the message says.' },
  },
  SizeNotEnforced: {
    meaning: "The host's file system has no project quotas, so the share can grow beyond its size. A warning.",
    remedy: { kind: 'administrator', text: 'Give the file system project quotas.' },
  },
  ShareProtocolNotSupported: {
    meaning: 'The share asks for another protocol than CIFS.',
    remedy: { kind: 'correct', text: 'Create the share with the protocol CIFS, or on another backend.' },
  },
  NetworkAllocationMissing: {
    meaning: 'The share server has no address.',
    remedy: { kind: 'administrator', text: 'Report what the operator log says.' },
  },
  ShareServerMissing: {
    meaning: 'The call for the share names no share server.',
    remedy: { kind: 'administrator', text: 'Report what the operator log says.' },
  },
  ShareServerNotFound: {
    meaning: 'The share server was never set up.',
    remedy: { kind: 'wait', text: 'Nothing: the operator sets it up first.' },
  },
} as const satisfies DriverReasonRecords;

/** A reason of the driver itself. */
export type SambaReason = keyof typeof sambaReasons;

export const { rejected, notFound, unavailable }: Failures<SambaReason> = failures;
