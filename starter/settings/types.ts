/** The words of the settings: a property has a scalar and an origin; a source is an ordered list of properties. */

/**
 * A scalar as written. Numbers keep their exact text: YAML `2.0` must stay `2.0` and a 20-digit integer must not
 * lose digits on its way to a client (Spring keeps Java's number types; JavaScript's would not).
 */
export type Scalar =
  | {
    readonly kind: 'string'
    readonly text: string
    /** The text is YAML's `!!binary`, in Base64. */
    readonly binary?: true
  }
  | { readonly kind: 'number', readonly text: string }
  | { readonly kind: 'boolean', readonly text: 'true' | 'false' }
  /** YAML's `.nan` and `.inf`, which are numbers there; JSON has none for them and Spring serves them as strings. */
  | { readonly kind: 'not-finite', readonly text: 'NaN' | 'Infinity' | '-Infinity' }

/** Where a property came from. Line and column are 1-based and absent when the source has none. */
export interface Origin {
  /** File name, `env SERVER_PORT`, `command line`, `configserver:...`. */
  readonly source: string
  readonly line?: number
  readonly column?: number
}

export interface Property {
  readonly value: Scalar
  readonly origin: Origin
  /** It was encrypted where it was written: never shown, whatever its key. */
  readonly secret?: true
  /** It is no text for placeholders: a mounted secret may well hold `${`. */
  readonly literal?: true
}

/** Properties of one document, in file order; keys are flat (`a.b[0].c`) exactly as Spring flattens them. */
export interface PropertySource {
  readonly name: string
  readonly properties: ReadonlyMap<string, Property>
}

/** One document of a YAML or properties file; files without a separator have exactly one. */
export interface ConfigDocument extends PropertySource {
  /** Position among the file's documents that hold anything, from 0. */
  readonly index: number
  /** Lines of the file that are read otherwise than they look, told with its first document. */
  readonly odd?: readonly string[]
}

/** A document of a YAML file. */
export type YamlDocument = ConfigDocument

/** Bounds on one file, so that a hostile one costs a bounded amount of time and memory. */
export interface ParseLimits {
  /** Characters of text. @default 1 MiB */
  readonly chars: number
  /** Nesting of maps and lists; SnakeYAML's own limit. @default 50 */
  readonly depth: number
  /** Nodes after expanding aliases; an alias bomb ends here. @default 100,000 */
  readonly nodes: number
}

export const PARSE_LIMITS: ParseLimits = { chars: 1_048_576, depth: 50, nodes: 100_000 }

/** `application.yml:14`, or just the source's name when it has no lines. */
export function formatOrigin (origin: Origin): string {
  return origin.line === undefined ? origin.source : `${origin.source}:${origin.line}`
}
