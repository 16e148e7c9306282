import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseSync, Visitor } from 'vite';

/** A reason that the source writes down. */
export interface ReasonLiteral {
  readonly reason: string;
  /** `file:line`, from the scanned folder. */
  readonly place: string;
}

/** What is read of a node of the syntax tree. */
interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly name?: unknown;
  readonly value?: unknown;
}

interface Source {
  readonly file: string;
  readonly text: string;
  readonly program: ReturnType<typeof parseSync>['program'];
}

const reasonName = /reason$/i;
const reasonsName = /reasons$/i;
const pascalCase = /^[A-Z][A-Za-z0-9]+$/;

/**
 * Finds the reasons in TypeScript files: texts in CamelCase that are given to something called "reason" (a property, a variable,
 * a parameter, also by its position in a call, or a type alias), or are members of something called "reasons", also by the name
 * of a constant. Both branches of a choice count; a template is given as it is written, since it can't be looked up.
 * @param directory searched with its folders; tests are left out, and files that `isLeftOut` names (paths from the directory)
 */
export async function reasonLiterals(
  directory: string,
  isLeftOut: (path: string) => boolean,
): Promise<readonly ReasonLiteral[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .filter((path) => !isLeftOut(path))
    .sort();
  const sources = await Promise.all(
    files.map(async (file): Promise<Source> => {
      const text = await readFile(join(directory, file), 'utf8');
      return { file, text, program: parseSync(file, text).program };
    }),
  );
  const positions = reasonParameters(sources);
  const constants = textConstants(sources);
  return sources.flatMap((source) => literalsOf(source, positions, constants));
}

/** Positions of the parameters called "reason" of functions and methods, by name. */
function reasonParameters(sources: readonly Source[]): ReadonlyMap<string, ReadonlySet<number>> {
  const positions = new Map<string, Set<number>>();
  const note = (name: string | undefined, parameters: readonly SyntaxNode[]): void => {
    parameters.forEach((parameter, position) => {
      if (name === undefined || !reasonName.test(nameOf(parameter) ?? '')) return;
      positions.set(name, (positions.get(name) ?? new Set()).add(position));
    });
  };
  for (const { program } of sources) {
    new Visitor({
      FunctionDeclaration: ({ id, params }) => note(id?.name, params),
      MethodDefinition: ({ key, value }) => note(nameOf(key), value.params),
      VariableDeclarator: ({ id, init }) => {
        if (id.type === 'Identifier' && init?.type === 'ArrowFunctionExpression') note(id.name, init.params);
      },
    }).visit(program);
  }
  return positions;
}

/** Texts in CamelCase that have a name. */
function textConstants(sources: readonly Source[]): ReadonlyMap<string, string> {
  const constants = new Map<string, string>();
  for (const { program } of sources) {
    new Visitor({
      VariableDeclaration: ({ kind, declarations }) => {
        for (const { id, init } of kind === 'const' ? declarations : []) {
          const text = init?.type === 'Literal' ? init.value : undefined;
          if (id.type !== 'Identifier' || typeof text !== 'string' || !pascalCase.test(text)) continue;
          // One called "reason" is found where it is, and is another one in each function.
          if (!reasonName.test(id.name)) constants.set(id.name, text);
        }
      },
    }).visit(program);
  }
  return constants;
}

function literalsOf(
  { file, text, program }: Source,
  positions: ReadonlyMap<string, ReadonlySet<number>>,
  constants: ReadonlyMap<string, string>,
): readonly ReasonLiteral[] {
  const found = new Map<number, ReasonLiteral>();
  const note = ({ start }: SyntaxNode, reason: string): void => {
    const line = text.slice(0, start).split('\n').length;
    found.set(start, { reason, place: `${file}:${line}` });
  };
  /** Texts that the expression may come out as. */
  const take = (node: SyntaxNode | null | undefined): void => {
    if (node === null || node === undefined) return;
    if (node.type === 'Literal' && typeof node.value === 'string') {
      if (!pascalCase.test(node.value)) return;
      note(node, node.value);
    } else if (node.type === 'Identifier') {
      const constant = constants.get(nameOf(node) ?? '');
      if (constant !== undefined) note(node, constant);
    } else if (node.type === 'TemplateLiteral') {
      note(node, text.slice(node.start, node.end));
    }
    for (const part of ['consequent', 'alternate', 'left', 'right', 'expression', 'literal'] as const) {
      if (choices.has(node.type)) take(childOf(node, part));
    }
  };
  const takeAll = (node: SyntaxNode | null | undefined): void => {
    if (node === null || node === undefined) return;
    for (const part of ['elements', 'arguments', 'types'] as const) {
      for (const member of childrenOf(node, part)) {
        take(member);
        takeAll(member);
      }
    }
    for (const property of childrenOf(node, 'properties')) {
      if (property.type === 'Property') take(childOf(property, 'value'));
    }
    if (node.type === 'TSAsExpression') takeAll(childOf(node, 'expression'));
  };
  new Visitor({
    Property: ({ key, value }) => {
      if (reasonName.test(nameOf(key) ?? '')) take(value);
    },
    TSPropertySignature: ({ key, typeAnnotation }) => {
      if (reasonName.test(nameOf(key) ?? '')) {
        take(typeAnnotation?.typeAnnotation);
        takeAll(typeAnnotation?.typeAnnotation);
      }
    },
    TSTypeAliasDeclaration: ({ id, typeAnnotation }) => {
      if (reasonName.test(id.name)) takeAll(typeAnnotation);
    },
    VariableDeclarator: ({ id, init }) => {
      if (id.type !== 'Identifier') return;
      if (reasonName.test(id.name)) take(init);
      if (reasonsName.test(id.name)) takeAll(init);
    },
    ForOfStatement: ({ left, right }) => {
      const [declarator] = left.type === 'VariableDeclaration' ? left.declarations : [];
      if (declarator?.id.type === 'Identifier' && reasonName.test(declarator.id.name)) takeAll(right);
    },
    CallExpression: ({ callee, arguments: given }) => {
      const name = callee.type === 'MemberExpression' ? nameOf(callee.property) : nameOf(callee);
      for (const position of positions.get(name ?? '') ?? []) take(given[position]);
    },
  }).visit(program);
  return [...found.values()];
}

const choices = new Set([
  'ConditionalExpression',
  'LogicalExpression',
  'ParenthesizedExpression',
  'TSAsExpression',
  'TSSatisfiesExpression',
  'TSLiteralType',
]);

function nameOf(node: object): string | undefined {
  return 'name' in node && typeof node.name === 'string' ? node.name : undefined;
}

function childOf(node: SyntaxNode, part: string): SyntaxNode | undefined {
  const child: unknown = Object.entries(node).find(([key]) => key === part)?.[1];
  return isNode(child) ? child : undefined;
}

function childrenOf(node: SyntaxNode, part: string): readonly SyntaxNode[] {
  const children: unknown = Object.entries(node).find(([key]) => key === part)?.[1];
  return Array.isArray(children) ? children.filter(isNode) : [];
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}
