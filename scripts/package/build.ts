/**
 * Makes a package's `dist`: JavaScript, types and source maps of everything but its tests, and the files that are read
 * at run time. Only for publishing: in the checkout Node runs the sources. `npm run build` does it for all.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { builtPath, DIST } from './manifest.ts'
import { PACKAGES, readManifest, ROOT, withDependencies, type PackageFolder } from './packages.ts'

const TSC = join(ROOT, 'node_modules/.bin/tsc')
const CACHE = join(ROOT, 'node_modules/.cache/build')
/** Neither built nor copied. */
const LEFT_OUT = ['node_modules', DIST, 'test', '.tap', 'package.json', 'package.json.checkout', 'README.md', 'LICENSE']

export function build (folder: PackageFolder): void {
  const dist = join(ROOT, folder, DIST)
  rmSync(dist, { recursive: true, force: true })
  compile(folder)
  for (const file of globSync('**/*.d.ts', { cwd: dist })) pointToBuilt(join(dist, file))
  for (const file of assetsOf(folder)) {
    mkdirSync(dirname(join(dist, file)), { recursive: true })
    cpSync(join(ROOT, folder, file), join(dist, file))
  }
}

function compile (folder: PackageFolder): void {
  const config = join(CACHE, `${folder}.json`)
  mkdirSync(CACHE, { recursive: true })
  writeFileSync(config, JSON.stringify(configOf(folder)))
  const { status, stdout, stderr, error } = spawnSync(TSC, ['-p', config], { cwd: ROOT, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${folder} could not be built:\n${stdout}${stderr}`, { cause: error })
}

function configOf (folder: PackageFolder): object {
  const from = join(ROOT, folder)
  return {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false, noEmitOnError: true, allowImportingTsExtensions: false, rewriteRelativeImportExtensions: true,
      // What Node 22 does not read is spelled for it; what it has at run time is `esnext` but for that.
      declaration: true, sourceMap: true, inlineSources: true, target: 'es2024', lib: ['esnext'],
      rootDir: from, outDir: join(from, DIST), typeRoots: [join(ROOT, 'node_modules/@types')], paths: builtTypes(folder)
    },
    include: [join(from, '**/*.ts')],
    exclude: [...LEFT_OUT.map(name => join(from, name)), join(from, '**/node_modules')]
  }
}

/** The types of what it imports from here: those that its users will have, and no sources that would be built again. */
function builtTypes (folder: PackageFolder): Record<string, string[]> {
  const entries = withDependencies(folder).slice(0, -1).flatMap(one => {
    const { name, exports = {} } = readManifest(one)
    return Object.entries(exports).map(([path, source]) =>
      [name + path.slice(1), [join(ROOT, one, builtPath(source, '.d.ts'))]] as [string, string[]])
  })
  return Object.fromEntries(entries)
}

/** tsc spells the imports of JavaScript anew, and not those of the types beside it. */
function pointToBuilt (file: string): void {
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.replace(/((?:from |import\()['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2'))
}

function assetsOf (folder: PackageFolder): string[] {
  return globSync('**/*', { cwd: join(ROOT, folder), exclude: path => LEFT_OUT.includes(basename(path)) })
    .filter(path => !path.endsWith('.ts') && statSync(join(ROOT, folder, path)).isFile())
}

if (import.meta.main) {
  for (const folder of PACKAGES) {
    build(folder)
    process.stdout.write(`built ${folder}\n`)
  }
}
