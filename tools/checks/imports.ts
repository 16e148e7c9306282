import { parseSync, Visitor } from 'vite';

/** One import statement, dynamic import, re-export or imported type of a source file. */
export interface Import {
  /** What is imported, as written: `./queue.ts`, `node:fs`, `zod`. */
  readonly specifier: string;
  /** One-based. */
  readonly line: number;
}

/**
 * Reads what a TypeScript file imports, types included. A dynamic import of a computed name is left out.
 *
 * @throws when the file is not valid TypeScript
 */
export function importsOf(file: string, text: string): readonly Import[] {
  const { program, errors } = parseSync(file, text);
  if (errors[0] !== undefined) throw new Error(`${file}: ${errors[0].message}`);
  const imports: Import[] = [];
  const add = (source: { readonly type: string; readonly value?: unknown; readonly start: number } | null) => {
    if (typeof source?.value !== 'string') return;
    imports.push({ specifier: source.value, line: text.slice(0, source.start).split('\n').length });
  };
  new Visitor({
    ImportDeclaration: ({ source }) => add(source),
    ExportNamedDeclaration: ({ source }) => add(source),
    ExportAllDeclaration: ({ source }) => add(source),
    ImportExpression: ({ source }) => add(source),
    TSImportType: ({ source }) => add(source),
  }).visit(program);
  return imports;
}
