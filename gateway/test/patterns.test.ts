/** Patterns against what clients send: the meaning of regular expressions, in time that a client cannot blow up. */
import fc from 'fast-check'
import t from 'tap'
import { compileHost } from '../routes/host-pattern.ts'
import { compilePath, type VariableSink } from '../routes/path-pattern.ts'
import { backtrackingHost, backtrackingPath } from './fixtures/backtracking-patterns.ts'

function found (matches: (text: string, set: VariableSink) => boolean, text: string): unknown {
  const values: Array<[string, string]> = []
  return [matches(text, (name, value) => values.push([name, value])), values]
}

const VARIABLES = ['{u}', '{v}', '{w}', '{x}']

/** Pieces in a row, each variable once. */
function pattern (pieces: readonly string[], joint: string, maxParts: number): fc.Arbitrary<string> {
  const part = fc.array(fc.constantFrom(...pieces, '{}', '{}'), { minLength: 1, maxLength: 4 }).map((some) => some.join(''))
  const parts = fc.array(fc.oneof({ weight: 3, arbitrary: part }, { weight: 1, arbitrary: fc.constant('**') }), { minLength: 1, maxLength: maxParts })
  return parts.map((all) => {
    let nth = 0
    return all.join(joint).replaceAll('{}', () => VARIABLES[nth++] ?? '*')
  })
}

t.test('a path pattern means what the regular expression means', (t) => {
  const pieces = ['a', 'b', '-', '*', '?', '{r:a+}']
  const patterns = pattern(pieces, '/', 5).filter((text) => (text.match(/\{r:/g) ?? []).length < 2).map((text) => `/${text}`)
  const paths = fc.array(fc.constantFrom('a', 'b', '-', '/', 'ab', '/a'), { maxLength: 10 }).map((some) => `/${some.join('')}`)
  fc.assert(fc.property(patterns, paths, fc.boolean(), (text, asked, slash) => {
    const path = compilePath(text, slash)
    t.strictSame(found((one, set) => path.matches(one, set), asked), found(backtrackingPath(text, slash), asked), `${text} ${asked}`)
  }), { numRuns: 3_000 })
  t.end()
})

t.test('a host pattern means what the regular expression means', (t) => {
  const patterns = pattern(['a', 'B', '-', '*', '?'], '.', 4).filter((text) => /[*?{]/.test(text))
  const hosts = fc.array(fc.constantFrom('a', 'b', 'A', '-', '.', '.a'), { minLength: 1, maxLength: 10 }).map((some) => some.join(''))
  fc.assert(fc.property(patterns, hosts, (text, asked) => {
    const host = compileHost(text, true)
    t.strictSame(found((one, set) => host.matches(one, set), asked), found(backtrackingHost(text), asked), `${text} ${asked}`)
  }), { numRuns: 3_000 })
  t.end()
})

/** What a loop can do without anybody noticing; backtracking takes minutes to days for each. */
const SOON_MS = 2_000

t.test('no path or host keeps the event loop', (t) => {
  const long: ReadonlyArray<readonly [pattern: string, text: string]> = [
    ['/s/{name}-{version}-{arch}.zip', `/s/${'a-'.repeat(3_900)}y`],
    ['/s/{a}-{b}-{c}-{d}-x', `/s/${'a-'.repeat(3_900)}`],
    ['/m/**/b/**/c/**/d', `/m${'/b/c'.repeat(2_000)}`],
    ['/**/a/**/a/**/a/**/{x}-{y}-z', '/a'.repeat(4_000)],
    ['/**/*a*a*a*/**/*a*a*b', `/${'a'.repeat(100)}`.repeat(80)],
    ['/*a*a*a*a*b', `/${'a'.repeat(8_000)}`],
    ['/?{a}?{b}?{c}x', `/${'a'.repeat(8_000)}`]
  ]
  for (const [pattern, text] of long) {
    const began = performance.now()
    t.equal(compilePath(pattern, true).matches(text, () => {}), false, pattern)
    t.ok(performance.now() - began < SOON_MS, pattern)
  }
  for (const [pattern, text] of [['{a}{b}{c}{d}.x', 'a'.repeat(16_000)], ['**.*a*a*a*b.**.c', 'a.'.repeat(8_000)]] as const) {
    const began = performance.now()
    t.equal(compileHost(pattern, true).matches(text, () => {}), false, pattern)
    t.ok(performance.now() - began < SOON_MS, pattern)
  }
  t.end()
})
