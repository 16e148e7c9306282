/** The parts of markdown-it that are used here; it comes with VitePress. */
interface Markdown {
  readonly renderer: { readonly rules: { code_inline?: Rule } };
}
type Rule = (tokens: unknown[], index: number, options: unknown, environment: unknown, self: unknown) => string;

/** Lets names such as `status.lastNetworkChange` end a line between their parts, and nowhere else. */
export function breakNames(markdown: Markdown): void {
  const { code_inline: inline } = markdown.renderer.rules;
  if (inline === undefined) return;
  markdown.renderer.rules.code_inline = (...args) =>
    inline(...args).replace(/>([^<]*)</, (_, text: string) => `>${breakable(text)}<`);
}

/** Text of HTML with places to break in its long words: after what parts a path, and before a capital that begins a word. */
export function breakable(text: string): string {
  return text.replace(/\S{12,}/g, (word) => word.replace(/([./=,:_-])(?=\w)|(?<=[a-z])(?=[A-Z])/g, '$1<wbr>'));
}
