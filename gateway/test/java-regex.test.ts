/** Java's regular expressions: the same as Java or refused by name, and never more than linear time. */
import t from 'tap'
import { mayExplode } from '../regex/explosion.ts'
import { fullMatch, replaceAll } from '../regex/java-regex.ts'
import { parseJava } from '../regex/parse.ts'
import { REGEXES } from './java-regexes.ts'

function ours (pattern: string, text: string): string | undefined {
  let whole: ReturnType<typeof fullMatch>
  let replaced: ReturnType<typeof replaceAll>
  try {
    whole = fullMatch(pattern)
    replaced = replaceAll(pattern, '<$0>')
  } catch {
    return undefined
  }
  const groups = whole.exec(text)
  return `${groups !== null}${(groups ?? []).map(group => `|${group ?? 'null'}`).join('')} ~ ${replaced(text)}`
}

t.test('what Java says of patterns at random, ours says too, or refuses them', async t => {
  let same = 0
  for (const [pattern, text, java] of REGEXES) {
    const found = ours(pattern, text)
    if (found === undefined) continue
    // Of a group that took part with nothing Java says so; for a replacement and a variable both are nothing.
    t.equal(found.replaceAll('null', ''), java.replaceAll('null', ''), pattern)
    same++
  }
  t.ok(same > REGEXES.length / 2, `${same} of ${REGEXES.length} are compared`)
})

t.test('constructs that JavaScript has not, or understands otherwise', async t => {
  const table: Array<[pattern: string, matches: string[], not: string[]]> = [
    ['[a-z&&[^m]]+', ['abc'], ['ama', 'a&']],
    ['[a-c[x-z]]+', ['ax'], ['m', '[']],
    ['[^a-c&&[^x]]', ['d', 'x'], ['a']],
    ['a\\h+b', ['a \tb', 'a\u00a0b'], ['ahb']],
    ['a\\vb', ['a\nb'], ['avb']],
    ['\\s', [' ', '\u000b'], ['\u00a0', '\u2028']],
    ['\\e\\a\\cA', ['\u001b\u0007\u0001'], ['eacA']],
    ['\\x{1F600}', ['😀'], ['x{1F600}']],
    ['\\Q.*\\E+', ['.**'], ['ab']],
    ['(?i)é', ['é'], ['É']],
    ['a(?i)b(?-i)c', ['aBc', 'abc'], ['aBC', 'ABc']],
    ['(?s).', ['\n'], []], ['.', ['a'], ['\n', '\u0085']],
    ['\\p{Punct}\\p{Graph}\\p{Blank}', ['!a '], ['aa ']], ['\\P{Alpha}', ['1'], ['a']],
    ['\\p{Lu}\\pL\\p{IsGreek}', ['Äaα'], ['aaα']],
    ['[^/]++/x', ['a/x'], ['/x']], ['a*+a', [], ['aaa']], ['(?>ab|a)b', ['abb'], ['ab']],
    ['(?<y>a)\\k<y>(b)\\2', ['aabb'], ['aab']],
    ['\\R', ['\r\n', '\n'], ['R']]
  ]
  for (const [pattern, matches, not] of table) {
    for (const text of matches) t.ok(fullMatch(pattern).test(text), `${pattern} ${encodeURIComponent(text)}`)
    for (const text of not) t.notOk(fullMatch(pattern).test(text), `${pattern} not ${encodeURIComponent(text)}`)
  }
})

t.test('what has no counterpart is refused by name', async t => {
  for (const [pattern, message] of [
    ['\\Ga', '"\\G"'], ['a\\X', '"\\X"'], ['(?x)a', 'flag "x"'], ['(?u)a', 'flag "u"'], ['(?U:a)', 'flag "U"'], ['\\p{InGreek}', 'InGreek'], ['\\N{DIGIT ONE}', '"\\N"'],
    ['\\b{g}', '\\b{g}'], ['(?i)(a)\\1', 'back reference'], ['a**', 'quantifier'], ['*a', 'repeats nothing'], ['(a', 'not closed'], ['a)', 'was not opened'],
    ['[a', 'not closed'], ['[a&&&b]', '&&&'], ['\\1', 'no group 1'], ['\\y', '"\\y"'], ['(?<a>a)(?<a>b)', 'called a'], ['a{2,1}', 'no range'], ['[z-a]', 'range']
  ] as const) t.throws(() => fullMatch(pattern), { message: new RegExp(message.replaceAll(/[\\{}()[\]&*+?.|^$]/g, '\\$&')) }, pattern)
  for (const [pattern, replacement] of [['a', '$1'], ['a', '${x}']] as const) t.throws(() => replaceAll(pattern, replacement), { message: /no group/ })
  t.equal(replaceAll('(a)(b)', '$2$1$10')('ab'), 'baa0', 'as many digits as there are groups for')
  t.equal(replaceAll('((?>a))(b)', '$2-$1')('ab'), 'b-a', 'groups that the translation adds do not count')
})

t.test('no pattern takes more than linear time: it runs on another engine, or is refused', async t => {
  const long = 'a'.repeat(200_000)
  for (const pattern of ['(a+)+b', '(a|a)*b', '(?:a|aa)+b', '.*a.*b', '(?:[^/]+/)*x', '(?:a?){16}(?:a?){16}b', 'a*a*a*b', '(?s).*a[ab]*c', '\\w+\\s*\\w+=b', '(x+x+)+y', '.*a.*a.*a.*b']) {
    // What is thought harmless and is not would hang here.
    if (t.ok(mayExplode(parseJava(pattern).tree, false), pattern)) t.notOk(fullMatch(pattern).test(long), pattern)
  }
  for (const pattern of ['a+b', '(a+)+b', 'a*b', 'a.*b', '[^x]*x', '(?:a|b)*c', 'a[^c]*b']) {
    if (t.ok(mayExplode(parseJava(pattern).tree, true), pattern)) t.equal(replaceAll(pattern, '')(long), long, pattern)
  }
  for (const pattern of ['(?=(a+)+b)a*', '(a+)+\\1', '(?:a++b?)*c', '(?<!(a+)+)b']) t.throws(() => fullMatch(pattern), { message: /without/ }, pattern)
  for (const pattern of ['/foo/?(?<rest>.*)', '/[^/]++/(?<rest>.*)', '/(\\d{1,3})/x']) t.equal(replaceAll(pattern, '')(long), long)
  t.ok(fullMatch('(?!.*admin)(?:/x)?.*').test('/y'), 'a look ahead at the beginning looks once')
})
