/** A part of src/ and what it may depend on. */
interface Layer {
  readonly name: string;
  /**
   * The paths in src/ that belong to it; the first layer that matches a path has it. A group in it names a plug-in:
   * files of different plug-ins may not import from each other.
   */
  readonly files: RegExp;
  /** Layers that it may import from, besides itself. */
  readonly uses: readonly string[];
  /** Packages that it may import, all when unset: what must stay without I/O names the few that do none. */
  readonly packages?: readonly string[];
  /** What it may import from outside of src/. */
  readonly outside?: readonly string[];
  /** Any test may use it. */
  readonly forTests?: true;
}

const decisions = ['network-change', 'access-rules', 'scheduling'] as const;
const driverInterface = 'driver interface';
const pure = ['ipaddr.js', 'zod'];
const control = [
  'kube-object',
  'runtime',
  'version',
  'values',
  'api',
  ...decisions,
  'cluster-state',
  driverInterface,
  'driver registry',
];

/**
 * The direction of dependencies: controllers and admission on the decisions and the driver interface, those on the API
 * types; the runtime on nothing of ours; a driver on the driver interface and the driver kit, never on
 * the alpha API, so that drivers of vendors do not depend on it.
 */
const layers: readonly Layer[] = [
  { name: 'kube-object', files: /^runtime\/kube-object\.ts$/, uses: [], packages: [] },
  { name: 'runtime', files: /^runtime\//, uses: ['kube-object'] },
  { name: 'version', files: /^version\.ts$/, uses: [], packages: [], outside: ['../package.json'] },
  { name: 'values', files: /^values\//, uses: [], packages: [...pure, 'node:net'] },
  { name: 'driver config', files: /^drivers\/([^/]+)\/config\.ts$/, uses: ['values', driverInterface, 'driver'] },
  // The configuration of a built-in driver is a member of the StorageBackend's spec.
  { name: 'api', files: /^api\//, uses: ['kube-object', 'values', 'driver config'], packages: pure },
  { name: 'network-change', files: /^network-change\//, uses: ['values', 'api'], packages: pure },
  { name: 'access-rules', files: /^access-rules\//, uses: ['values', 'api'], packages: pure },
  { name: 'scheduling', files: /^scheduling\//, uses: ['values', 'api'], packages: pure },
  { name: driverInterface, files: /^drivers\/(?:driver|errors|advisories)\.ts$/, uses: ['values'] },
  { name: 'driver kit', files: /^drivers\/kit\//, uses: ['values', driverInterface] },
  {
    name: 'driver registry',
    files: /^drivers\/(?:registry|vendor-drivers|identity)\.ts$/,
    uses: ['values', driverInterface, 'driver'],
  },
  {
    name: 'driver conformance',
    files: /^drivers\/conformance(?:\.ts$|\/)/,
    uses: ['values', driverInterface],
    forTests: true,
  },
  {
    name: 'driver fixture',
    files: /^drivers\/([^/]+)\/(?:conformance-fixture|driver-rig)\.ts$/,
    uses: ['values', driverInterface, 'driver kit', 'driver', 'driver config', 'driver conformance'],
    forTests: true,
  },
  { name: 'driver', files: /^drivers\/([^/]+)\//, uses: ['values', driverInterface, 'driver kit', 'driver config'] },
  { name: 'cluster-state', files: /^cluster-state\//, uses: ['kube-object', 'runtime', 'values', 'api', ...decisions] },
  { name: 'controllers', files: /^controllers\//, uses: control },
  { name: 'admission', files: /^admission\//, uses: control },
  { name: 'cli', files: /^cli\//, uses: ['kube-object', 'runtime', 'version', 'values', 'api', ...decisions] },
  { name: 'process', files: /^(?:main\.ts$|process\/)/, uses: [...control, 'controllers', 'admission'] },
];

/** A test may use what the file it is named for may, anything outside src/ and what is made for tests. */
export const testFile = /\.test\.ts$/;

/** Where a file belongs. */
export interface Place {
  readonly layer: Layer;
  /** The name of the plug-in, for a layer that has some. */
  readonly plugIn: string | undefined;
}

/** The place of a path in src/; undefined when no layer has it. */
export function layerOf(path: string): Place | undefined {
  for (const layer of layers) {
    const match = layer.files.exec(path.replace(testFile, '.ts'));
    if (match !== null) return { layer, plugIn: match[1] };
  }
  return undefined;
}
