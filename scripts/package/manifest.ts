/** The package.json that travels: the checkout's, with the built files in the place of the sources. */

type Versions = Readonly<Record<string, string>>

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports?: Versions
  readonly bin?: Versions
  readonly dependencies?: Versions
  /**
   * Dependencies that only some settings ask for. In the checkout all are there; whoever installs the package gets none
   * of them, and is told which one a setting needs.
   */
  readonly onDemand?: readonly string[]
  readonly [field: string]: unknown
}

/** Where the built files of a package lie. */
export const DIST = 'dist'

/** `./settings/index.ts` as it is built. */
export function builtPath (source: string, extension: '.js' | '.d.ts'): string {
  return `./${DIST}/${source.replace(/^\.\//, '').replace(/\.ts$/, extension)}`
}

/** npm has `publishConfig` for some of it, and not for what matters most, `exports`. */
export function publishedManifest (manifest: Manifest): Record<string, unknown> {
  const { exports, bin, dependencies = {}, onDemand = [], ...rest } = manifest
  const kept = Object.entries(rest).filter(([field]) => field !== 'scripts' && field !== 'devDependencies')
  return {
    ...Object.fromEntries(kept),
    files: [DIST],
    ...exports === undefined ? {} : { exports: publishedExports(exports) },
    ...bin === undefined ? {} : { bin: mapValues(bin, source => builtPath(source, '.js')) },
    ...publishedDependencies(dependencies, new Set(onDemand))
  }
}

function publishedExports (exports: Versions): Record<string, unknown> {
  // Types come first: the first condition that fits is taken.
  const built = mapValues(exports, source => ({ types: builtPath(source, '.d.ts'), default: builtPath(source, '.js') }))
  return { ...built, './package.json': './package.json' }
}

function publishedDependencies (dependencies: Versions, onDemand: ReadonlySet<string>): Record<string, unknown> {
  const all = Object.entries(dependencies)
  const peers = all.filter(([name]) => onDemand.has(name))
  return {
    dependencies: Object.fromEntries(all.filter(([name]) => !onDemand.has(name))),
    ...peers.length === 0 ? {} : {
      peerDependencies: Object.fromEntries(peers.map(([name, version]) => [name, `^${version}`])),
      peerDependenciesMeta: Object.fromEntries(peers.map(([name]) => [name, { optional: true }]))
    }
  }
}

function mapValues<To> (values: Versions, to: (value: string) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, to(value)]))
}
