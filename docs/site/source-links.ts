import { posix } from 'node:path';

/** The parts of markdown-it that are used here; it comes with VitePress. */
interface Token {
  type: string;
  content: string;
  readonly info: string;
  readonly children: Token[] | null;
  attrGet(name: string): string | null;
  attrSet(name: string, value: string): void;
}
interface Environment {
  readonly relativePath?: string;
}
type Fence = (tokens: Token[], index: number, options: unknown, environment: unknown, self: unknown) => string;
interface Markdown {
  readonly core: {
    readonly ruler: {
      push(name: string, rule: (state: { readonly tokens: Token[]; readonly env: Environment }) => void): void;
    };
  };
  readonly renderer: { readonly rules: { fence?: Fence } };
  readonly utils: { escapeHtml(text: string): string };
}

/**
 * Links out of docs/, as to `../config/samples`, lead to the repository's web pages; without those they become plain text, for the
 * site has no such page.
 */
export function linkSources(markdown: Markdown, repository: string | undefined): void {
  markdown.core.ruler.push('link-sources', ({ tokens, env }) => {
    const folder = posix.dirname(`docs/${env.relativePath ?? ''}`);
    for (const { children } of tokens) rewrite(children ?? [], folder, repository, markdown.utils.escapeHtml);
  });
}

function rewrite(
  tokens: readonly Token[],
  folder: string,
  repository: string | undefined,
  escaped: (text: string) => string,
): void {
  let dropped = false;
  for (const token of tokens) {
    if (token.type === 'link_open') {
      const target = token.attrGet('href') ?? '';
      const path = /^[a-z]+:|^[#/]/.test(target) ? 'docs/' : posix.join(folder, target);
      if (path.startsWith('docs/')) continue;
      if (repository !== undefined) token.attrSet('href', `${repository}/blob/main/${path}`);
      else {
        dropped = true;
        replace(token, `<span class="source" title="${escaped(path)}">`);
      }
    } else if (token.type === 'link_close' && dropped) {
      dropped = false;
      replace(token, '</span>');
    }
  }
}

function replace(token: Token, html: string): void {
  token.type = 'html_inline';
  token.content = html;
}

/** Says under a block of commands that no test runs it, and why: the word `not-run` after its language. */
export function tellWhatIsNotRun(markdown: Markdown): void {
  const fence = markdown.renderer.rules.fence;
  if (fence === undefined) return;
  markdown.renderer.rules.fence = (tokens, index, options, environment, self) => {
    const html = fence(tokens, index, options, environment, self);
    const why = /^\S+ not-run\s+(.*)$/.exec(tokens[index]?.info.trim() ?? '')?.[1];
    return why === undefined
      ? html
      : `${html}<p class="not-run">Not run by the tests: ${markdown.utils.escapeHtml(why)}</p>`;
  };
}
