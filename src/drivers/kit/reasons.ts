/** What a person does about a reason. */
export interface DriverRemedy {
  /**
   * Who acts. `wait`: no one, it resolves automatically. `correct`: the owner of the object corrects what the message names.
   * `administrator`: an administrator of the backend or of the storage system.
   */
  readonly kind: 'wait' | 'correct' | 'administrator';
  readonly text: string;
}

/** What the documentation says about a reason. */
export interface DriverReasonRecord {
  readonly meaning: string;
  readonly remedy: DriverRemedy;
}

/** The catalogue of a driver: its reasons by name, in CamelCase. */
export type DriverReasonRecords = Readonly<Record<string, DriverReasonRecord>>;

const notFinished: DriverReasonRecord = {
  meaning: 'The storage system did not finish the call in the time given. The operator makes the call again.',
  remedy: { kind: 'administrator', text: 'If this persists, check the storage system and its network.' },
};

/** Reasons of failures that the kit throws. The catalogue of a driver includes them. */
export const kitReasons = {
  ForeignObject: {
    meaning:
      'The object on the storage system belongs to another installation or namespace. The driver did not touch it.',
    remedy: {
      kind: 'administrator',
      text: 'Find out which installation created it; remove it there if it is not used.',
    },
  },
  OperationAborted: notFinished,
  OperationTimeout: notFinished,
  UnexpectedAnswer: {
    meaning: 'The storage system answered in a form that this version of the driver does not know.',
    remedy: {
      kind: 'administrator',
      text: 'Use versions that are tested together; report what the operator log says.',
    },
  },
} as const satisfies DriverReasonRecords;

/** A reason of the kit. */
export type KitReason = keyof typeof kitReasons;
