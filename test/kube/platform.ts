/** The operating system as Go and the official archives name it: linux, darwin. */
export const goOs: string = process.platform;

/** The processor architecture as Go and the official archives name it: amd64, arm64. */
export const goArch: string = process.arch === 'x64' ? 'amd64' : process.arch;
