import { parseSync, Visitor } from 'vite';

/** One import statement, dynamic import, re-export or imported type of a source file. */
export interface Import {
  /** What is imported, as written: `./queue.ts`, `node:fs`, `zod`. */
  readonly specifier: string;
  /** One-based. */
  readonly line: number;
  /** Gone when the file runs. */
  readonly typeOnly: boolean;
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
  type Source = { readonly value?: unknown; readonly start: number } | null;
  const add = (source: Source, kind: 'type' | 'value' | null | undefined) => {
    if (typeof source?.value !== 'string') return;
    const line = text.slice(0, source.start).split('\n').length;
    imports.push({ specifier: source.value, line, typeOnly: kind === 'type' });
  };
  new Visitor({
    ImportDeclaration: ({ source, importKind }) => add(source, importKind),
    ExportNamedDeclaration: ({ source, exportKind }) => add(source, exportKind),
    ExportAllDeclaration: ({ source, exportKind }) => add(source, exportKind),
    ImportExpression: ({ source }) => add('value' in source ? source : null, 'value'),
    TSImportType: ({ source }) => add(source, 'type'),
  }).visit(program);
  return imports;
}
