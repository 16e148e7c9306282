import project from '../package.json' with { type: 'json' };

/** The version of what runs, as semantic versioning has it. */
export const version: string = project.version;
