import { settingsError } from './errors.ts'
import { platformNamed } from './cloud-platform.ts'
import { canonicalName } from './relaxed.ts'
import { formatOrigin } from './types.ts'
import type { ConfigDocument, PropertySource } from './types.ts'

/** What decides which documents of a file count. */
export interface ActivationContext {
  /** Active profiles, `default` when none was asked for. */
  readonly profiles: ReadonlySet<string>
  /** Where the process runs, `kubernetes` for instance; undefined is the same as `none`. */
  readonly cloudPlatform?: string | undefined
}

const ON_PROFILE = canonicalName('spring.config.activate.on-profile')
const ON_PLATFORM = canonicalName('spring.config.activate.on-cloud-platform')

/** Whether a document counts: `spring.config.activate.on-profile` (any of a list) and `on-cloud-platform`. */
export function isActive (document: PropertySource, context: ActivationContext): boolean {
  const { expressions, platform } = conditions(document)
  if (platform !== undefined && platform !== (context.cloudPlatform ?? 'none')) return false
  if (expressions.length === 0) return true
  return expressions.some(({ text, where }) => matchesProfiles(text, context.profiles, where))
}

/** True when the document depends on profiles: such documents wait until the profiles are known. */
export function hasProfileCondition (document: PropertySource): boolean {
  return conditions(document).expressions.length > 0
}

function conditions (document: PropertySource) {
  const expressions: { text: string, where: string }[] = []
  let platform: string | undefined
  for (const [key, { value, origin }] of document.properties) {
    const name = canonicalName(key)
    const where = formatOrigin(origin)
    if (name === ON_PLATFORM && value.text.trim() !== '') platform = platformNamed(value.text.trim(), where)
    if (name !== ON_PROFILE && !name.startsWith(`${ON_PROFILE}[`)) continue
    // A comma list means any of them; an empty value is no condition.
    for (const text of value.text.split(',').map(part => part.trim())) if (text !== '') expressions.push({ text, where })
  }
  return { expressions, platform }
}

/** The documents that count, in file order. */
export function activeDocuments<D extends ConfigDocument> (documents: readonly D[], context: ActivationContext): D[] {
  return documents.filter(document => isActive(document, context))
}

/**
 * Whether a profile expression such as `prod & (eu | us)` or `!dev` holds.
 * `&` and `|` may not mix without parentheses, as in Spring.
 */
export function matchesProfiles (expression: string, profiles: ReadonlySet<string>, where?: string): boolean {
  const parser = new ExpressionParser(expression, where)
  return parser.parse()(profiles)
}

type Test = (profiles: ReadonlySet<string>) => boolean

class ExpressionParser {
  readonly #text: string
  readonly #where: string | undefined
  readonly #tokens: string[]

  constructor (text: string, where: string | undefined) {
    this.#text = text
    this.#where = where
    this.#tokens = text.match(/[()&|!]|[^()&|!\s]+/g) ?? []
    if (this.#tokens.length > 1000) throw this.#error('it is too long')
  }

  parse (): Test {
    const test = this.#expression()
    if (this.#tokens.length > 0) throw this.#error(`"${this.#tokens[0]}" is not expected`)
    return test
  }

  #expression (): Test {
    const tests = [this.#operand()]
    const operator = this.#tokens[0]
    while (this.#tokens[0] === '&' || this.#tokens[0] === '|') {
      if (this.#tokens.shift() !== operator) throw this.#error('& and | are mixed')
      tests.push(this.#operand())
    }
    if (operator === '|') return profiles => tests.some(test => test(profiles))
    return profiles => tests.every(test => test(profiles))
  }

  #operand (): Test {
    const token = this.#tokens.shift()
    if (token === undefined || token === '&' || token === '|' || token === ')') throw this.#error('a profile is missing')
    if (token === '!') {
      const test = this.#operand()
      return profiles => !test(profiles)
    }
    if (token !== '(') return profiles => profiles.has(token)
    const test = this.#expression()
    if (this.#tokens.shift() !== ')') throw this.#error('a parenthesis is not closed')
    return test
  }

  #error (what: string): Error {
    return settingsError('E_CONFIG_EXPRESSION', [this.#text, what], { where: this.#where })
  }
}
