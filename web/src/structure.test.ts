// Rules of the source tree: imports without circles, short files, each view in one list.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const web = fileURLToPath(new URL('..', import.meta.url));
const LONGEST = 300;
const GENERATED = new Set(['src/api/openapi.gen.ts']);

function filesIn(...folders: string[]): string[] {
  return folders
    .flatMap((folder) =>
      readdirSync(join(web, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
    )
    .filter((name) => /\.(ts|svelte|mjs|css)$/.test(name) && !GENERATED.has(name));
}

const text = (name: string): string => readFileSync(join(web, name), 'utf8');

/** The files that a file imports, types included: `from './x'`, `import('./x')`, `import './x'`. */
function importsOf(name: string): string[] {
  return [...text(name).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g)].flatMap(([, path]) => {
    const base = relative(web, resolve(web, dirname(name), path));
    const found = ['', '.ts']
      .map((end) => base + end)
      .find((file) => /\.(ts|svelte)$/.test(file) && existsSync(join(web, file)));
    return found ? [found] : [];
  });
}

/** The first circle of a graph as a path that ends where it begins; null where there is none. */
function circleIn(graph: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  const walk = (at: string, path: string[]): string[] | null => {
    if (path.includes(at)) return [...path.slice(path.indexOf(at)), at];
    if (done.has(at)) return null;
    for (const next of graph.get(at) ?? []) {
      const found = walk(next, [...path, at]);
      if (found) return found;
    }
    done.add(at);
    return null;
  };
  for (const at of graph.keys()) {
    const found = walk(at, []);
    if (found) return found;
  }
  return null;
}

it('finds circles', () => {
  const graph = (...edges: [string, string[]][]) => new Map(edges);
  expect(circleIn(graph(['a', ['b', 'c']], ['b', ['c']], ['c', []]))).toBeNull();
  expect(circleIn(graph(['a', ['b']], ['b', ['c']], ['c', ['b']]))).toEqual(['b', 'c', 'b']);
  expect(circleIn(graph(['a', ['a']]))).toEqual(['a', 'a']);
});

it('no file imports itself by way of others', () => {
  const graph = new Map(filesIn('src').map((name) => [name, importsOf(name)]));
  expect([...graph.values()].flat().length).toBeGreaterThan(500);
  expect(circleIn(graph)).toBeNull();
});

it(`no file has more than ${LONGEST} lines`, () => {
  const lines = (name: string) => text(name).trimEnd().split('\n').length;
  const long = filesIn('src', 'e2e', 'bench', 'scripts').filter((name) => lines(name) > LONGEST);
  expect(long.map((name) => `${name}: ${lines(name)}`)).toEqual([]);
});

it('every view is registered once', () => {
  const folders = readdirSync(join(web, 'src/views'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'common')
    .map((entry) => entry.name);
  const table = text('src/views/table.ts');
  const imports = [...table.matchAll(/import\('\.\/(\w+)\/(\w+)\.svelte'\)/g)];
  expect(imports.map(([, folder]) => folder).sort()).toEqual(folders.sort());
  for (const [, folder, file] of imports) {
    expect(file.toLowerCase()).toBe(folder);
    expect(table.match(new RegExp(`\\b${file}\\b`, 'g'))).toHaveLength(2);
  }
});
