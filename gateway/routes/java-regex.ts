/**
 * Java regular expressions as found in Spring configurations, compiled once to JavaScript's.
 *
 * The two languages differ in spelling only for what routes use: inline flags, `\A \Z \z`, `\Q..\E`, POSIX classes
 * and possessive quantifiers (refused: JavaScript has none, and dropping the plus would change what matches).
 */

/** As Java's `matches()`: the whole text. */
export function fullMatch (pattern: string): RegExp {
  const { source, flags } = translate(pattern)
  return new RegExp(`^(?:${source})$`, flags)
}

/** As Java's `replaceAll()`. */
export function findAll (pattern: string): RegExp {
  const { source, flags } = translate(pattern)
  return new RegExp(source, `${flags}g`)
}

/** Java's `${name}` and Spring's `$\{name}` to JavaScript's `$<name>`; `\$` is a plain dollar, `$1` stays. */
export function javaReplacement (text: string): string {
  return text.replaceAll('$\\', '$')
    .replaceAll(/\\([\s\S])|\$\{([A-Za-z][A-Za-z0-9]*)\}|\$(?!\d|\{)/g, (_, escaped?: string, name?: string) =>
      name !== undefined ? `$<${name}>` : escaped === undefined || escaped === '$' ? '$$' : escaped)
}

const POSIX: Readonly<Record<string, string>> = {
  Alpha: 'A-Za-z', Digit: '0-9', Alnum: 'A-Za-z0-9', Upper: 'A-Z', Lower: 'a-z', XDigit: '0-9A-Fa-f', Space: '\\s'
}

function translate (pattern: string): { source: string, flags: string } {
  let flags = ''
  let source = pattern
  const inline = /^\(\?([ims]+)\)/.exec(source)
  if (inline !== null) {
    flags = inline[1] ?? ''
    source = source.slice(inline[0].length)
  }
  source = source
    .replaceAll(/\\Q([\s\S]*?)(?:\\E|$)/g, (_, quoted: string) => quoted.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
    .replaceAll(/\\A/g, '^').replaceAll(/\\[zZ]/g, '$')
    .replaceAll(/(\[[^\]]*)?\\p\{(Alpha|Digit|Alnum|Upper|Lower|XDigit|Space)\}/g, (_, open: string | undefined, name: string) =>
      open === undefined ? `[${POSIX[name]}]` : `${open}${POSIX[name]}`)
  return { source, flags: /\\p\{/.test(source) && !flags.includes('u') ? `${flags}u` : flags }
}
