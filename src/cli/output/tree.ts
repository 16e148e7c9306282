import type { Cell, Row } from './table.ts';

/** A node of a tree that is printed as a table, the branches in its first column. */
export interface TreeNode {
  readonly name: string;
  readonly cells: readonly Cell[];
  /** Lines below the node, over all columns. */
  readonly details: readonly string[];
  readonly children: readonly TreeNode[];
}

/** Rows of a node and all below it. */
export function treeRows({ name, cells, details, children }: TreeNode, branch = '', below = ''): readonly Row[] {
  const rail = children.length > 0 ? '│  ' : '   ';
  return [
    [{ text: branch + name }, ...cells],
    ...details.map((line) => below + rail + line),
    ...children.flatMap((child, index) =>
      index === children.length - 1
        ? treeRows(child, `${below}└─ `, `${below}   `)
        : treeRows(child, `${below}├─ `, `${below}│  `),
    ),
  ];
}
