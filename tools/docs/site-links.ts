import { readdir, readFile } from 'node:fs/promises';
import { join, posix, relative } from 'node:path';

/** What was found in a built site. */
interface SiteLinks {
  readonly pages: number;
  /** One line each: the page, and the link that leads nowhere. */
  readonly broken: readonly string[];
}

/**
 * Follows every link within a built site, also to headings. Links to other sites are not followed.
 * @param folder the folder with the built pages
 * @param base path under which the site is served
 */
export async function brokenLinks(folder: string, base: string): Promise<SiteLinks> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  const known = new Set(files);
  const pages = new Map<string, string>();
  for (const file of files.filter((name) => name.endsWith('.html'))) {
    pages.set(file, await readFile(join(folder, file), 'utf8'));
  }
  const anchors = new Map([...pages].map(([file, html]) => [file, namesIn(html)]));
  const broken = [...pages].flatMap(([file, html]) =>
    // The page for what is not found is shown at any address.
    file === '404.html' ? [] : linksIn(html).flatMap((link) => problemOf(file, link, base, known, anchors) ?? []),
  );
  return { pages: pages.size, broken: [...new Set(broken)] };
}

function problemOf(
  file: string,
  link: string,
  base: string,
  known: ReadonlySet<string>,
  anchors: ReadonlyMap<string, ReadonlySet<string>>,
): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:|^\/\//i.test(link)) return undefined;
  const [path = '', fragment] = link.split('#', 2);
  const pathname = decodeURIComponent(path.split('?', 1)[0] ?? '');
  if (pathname.startsWith('/') && !pathname.startsWith(base)) return `${file}: ${link} is outside of ${base}`;
  const inside = pathname.startsWith('/') ? pathname.slice(base.length) : posix.join(posix.dirname(file), pathname);
  const target = pathname === '' ? file : targetOf(inside, known);
  if (target === undefined) return `${file}: ${link} leads nowhere`;
  if (fragment === undefined || fragment === '') return undefined;
  const names = anchors.get(target);
  if (names?.has(decodeURIComponent(fragment)) === true) return undefined;
  return `${file}: ${link}: ${target} has no such heading`;
}

function targetOf(path: string, known: ReadonlySet<string>): string | undefined {
  const clean = path.replace(/^\.\/?/, '').replace(/\/$/, '');
  const candidates = [clean, `${clean}.html`, clean === '' ? 'index.html' : `${clean}/index.html`];
  return candidates.find((name) => known.has(name));
}

const linksIn = (html: string): readonly string[] => attributes(html, /<a\s[^>]*?href="([^"]*)"/g);

const namesIn = (html: string): ReadonlySet<string> => new Set(attributes(html, /\sid="([^"]*)"/g));

function attributes(html: string, pattern: RegExp): readonly string[] {
  return [...html.matchAll(pattern)].map(([, value = '']) => value.replaceAll('&amp;', '&'));
}
