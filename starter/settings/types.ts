/** The words of the settings: a property has a scalar and an origin; a source is an ordered list of properties. */

/**
 * A scalar as written. Numbers keep their exact text: YAML `2.0` must stay `2.0` and a 20-digit integer must not
 * lose digits on its way to a client (Spring keeps Java's number types; JavaScript's would not).
 */
export type Scalar =
  | { readonly kind: 'string', readonly text: string }
  | { readonly kind: 'number', readonly text: string }
  | { readonly kind: 'boolean', readonly text: 'true' | 'false' }

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
}

/** Properties of one document, in file order; keys are flat (`a.b[0].c`) exactly as Spring flattens them. */
export interface PropertySource {
  readonly name: string
  readonly properties: ReadonlyMap<string, Property>
}
