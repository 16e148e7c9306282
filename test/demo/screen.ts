import { styleText } from 'node:util';

/** Who types a command. */
export type Actor = 'tenant' | 'admin';

const widest = 100;

/** What the person sees: headings, short narration, commands as they are typed, and what they really print. */
export class Screen {
  readonly #out: NodeJS.WriteStream;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  /** Begins a part of the story. */
  heading(text: string): void {
    this.#line(`\n${this.#style('bold', `━━ ${text} ${'━'.repeat(Math.max(2, this.#width() - text.length - 4))}`)}`);
  }

  /** Tells something, wrapped and indented. */
  say(text: string): void {
    this.#line('');
    for (const line of wrap(text, this.#width() - 2)) this.#line(`  ${this.#style('italic', line)}`);
  }

  /** A command as someone types it. */
  command(actor: Actor, command: string): void {
    this.typed(actor === 'tenant' ? 'green' : 'magenta', `${actor}$`, command);
  }

  /** Something typed at a prompt. */
  typed(color: 'green' | 'magenta' | 'cyan', prompt: string, text: string): void {
    this.#line(`\n${this.#style(color, prompt)} ${this.#style('bold', text)}`);
  }

  /** Output of a command, as it is. */
  output(text: string): void {
    this.#out.write(text);
  }

  /** One line that is not narration: progress, a table of ours, an instruction. */
  note(line: string): void {
    this.#line(`  ${line}`);
  }

  /** Why the demo ends early. */
  failure(text: string): void {
    this.#line(`\n${this.#style('red', text)}`);
  }

  #line(text: string): void {
    this.#out.write(`${text}\n`);
  }

  #style(format: Parameters<typeof styleText>[0], text: string): string {
    return styleText(format, text, { stream: this.#out });
  }

  #width(): number {
    // A terminal that does not know its width says 0.
    return Math.min(this.#out.columns || widest, widest);
  }
}

/** Breaks a text at spaces into lines of at most `width` characters; a longer word gets a line of its own. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
