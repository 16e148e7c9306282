import {
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../../src/api/v1alpha1/resource-types.ts';
import type { ResourceType } from '../../src/runtime/kube-object.ts';

/** A column of `kubectl get`; priority 1 shows with `-o wide` only. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  readonly priority?: 1;
}

/** What a CustomResourceDefinition says about a kind besides its schema. */
export interface KindDefinition {
  readonly type: ResourceType;
  readonly shortName: string;
  readonly columns: readonly PrinterColumn[];
  /** JSON paths that field selectors may use. */
  readonly selectableFields: readonly string[];
}

const ready: PrinterColumn = {
  name: 'Ready',
  type: 'string',
  jsonPath: '.status.conditions[?(@.type=="Ready")].status',
  description: 'Whether the object is ready',
};
const age: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since the object was made',
};
const message: PrinterColumn = {
  name: 'Message',
  type: 'string',
  jsonPath: '.status.conditions[?(@.type=="Ready")].message',
  description: 'What the Ready condition says',
  priority: 1,
};

function text(name: string, jsonPath: string, description: string): PrinterColumn {
  return { name, type: 'string', jsonPath, description };
}

function flag(name: string, jsonPath: string, description: string): PrinterColumn {
  return { name, type: 'boolean', jsonPath, description };
}

function phase(description: string): PrinterColumn {
  return text('Phase', '.status.phase', description);
}

/** The kinds of the API with their columns, short names and selectable fields. */
export const kinds: readonly KindDefinition[] = [
  {
    type: storageBackends,
    shortName: 'sbe',
    columns: [
      text('Driver', '.spec.driver', 'Driver that serves the backend'),
      ready,
      flag('DHSS', '.status.capabilities.driverHandlesShareServers', 'Whether the driver makes share servers'),
      flag(
        'SS-Update',
        '.status.capabilities.securityServiceUpdateSupport',
        'Whether share servers can take a changed security service while in use',
      ),
      age,
      message,
    ],
    selectableFields: [],
  },
  {
    type: securityServices,
    shortName: 'secsvc',
    columns: [
      text('Type', '.spec.type', 'Kind of directory'),
      text('Domain', '.spec.domain', 'Domain, realm or base DN'),
      flag('In-Use', '.status.inUse', 'Whether a share network with share servers records the service'),
      ready,
      age,
      message,
    ],
    selectableFields: [],
  },
  {
    type: shareNetworks,
    shortName: 'shnet',
    columns: [
      phase('State of the network'),
      ready,
      flag(
        'SS-Update',
        '.status.securityServiceUpdateSupport',
        'Whether every share server can take a changed security service while in use',
      ),
      {
        name: 'Servers',
        type: 'integer',
        jsonPath: '.status.shareServers.total',
        description: 'Number of share servers',
      },
      age,
      message,
    ],
    selectableFields: ['.status.phase'],
  },
  {
    type: shareServers,
    shortName: 'shsrv',
    columns: [
      text('Network', '.spec.shareNetworkName', 'ShareNetwork that the server is connected to'),
      text('Backend', '.spec.backendName', 'StorageBackend that the server runs on'),
      phase('State of the server'),
      flag(
        'SS-Update',
        '.spec.securityServiceUpdateSupport',
        'Whether the server can take a changed security service while in use',
      ),
      ready,
      age,
      message,
    ],
    selectableFields: ['.status.phase', '.spec.shareNetworkName', '.spec.backendName'],
  },
  {
    type: shares,
    shortName: 'shr',
    columns: [
      text('Protocol', '.spec.protocol', 'Protocol that the share is served with'),
      text('Size', '.status.size', 'Size that the share has'),
      phase('State of the share'),
      text('Access', '.status.accessRulesStatus', 'Sum of the access rules'),
      text('Backend', '.status.backendName', 'StorageBackend that the share is placed on'),
      age,
      message,
    ],
    selectableFields: ['.status.phase', '.spec.shareNetworkName', '.spec.backendName'],
  },
  {
    type: shareAccesses,
    shortName: 'sha',
    columns: [
      text('Share', '.spec.shareName', 'Share that the rule is for'),
      text('Type', '.spec.accessType', 'Type of the target'),
      text('To', '.spec.accessTo', 'Who gets access'),
      text('Level', '.spec.accessLevel', 'Level of access that is wanted'),
      phase('State of the rule'),
      text('Key-Secret', '.status.accessKeySecretRef.name', 'Secret that holds the access key'),
      age,
      message,
    ],
    selectableFields: ['.status.phase', '.spec.shareName'],
  },
];
