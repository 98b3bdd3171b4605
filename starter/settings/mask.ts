/**
 * Takes credentials out of text that somebody must be able to read, a line of a log above all: ids and digests stay,
 * where `secret-text.ts` hides whatever could be a key. Messages of errors, addresses and lines of other programs carry
 * them where nobody expects them: in a URL's user part or query, in a header that is quoted, in `name=value` pairs. The
 * text may be JSON (a line of a log) and stays JSON. Linear in the length of the text.
 */
import { isSecretKey, MASK } from './secrets.ts'

/** One character of a word, in plain text and inside of a JSON string, where quotes and backslashes are two. */
const CHAR = String.raw`(?:[^\s"\\]|\\["\\/u])`
const NAME = String.raw`[\w.-]{1,100}`

/** Cheap question asked first: most lines have nothing of this. */
const SUSPECT = /:\/\/|[?&;]|basic |bearer |authorization|passw|secret|token|-key/i

/** From `://` to the end of the word or the next address in a list. */
const ADDRESS = new RegExp(String.raw`:\/\/((?:(?!:\/\/)${CHAR})+)`, 'g')
const PARAMETER = new RegExp(String.raw`([?&;])(${NAME})=((?:(?![&;#])${CHAR})*)`, 'g')
const HEADER = /\b(basic|bearer|token|negotiate) +([\w.~+/-]{6,}=*)/gi
/** `x-consul-token: ...`, `password=...`, `"clientSecret": "..."`, whatever quotes stand between. */
const PAIR = new RegExp(String.raw`(?<![\w.-])(${NAME})((?:\\?["'])?(?:=| ?: ?)(?:\\?["'])?)((?:(?![,;&'])${CHAR})+)`, 'g')
const PAIR_NAME = /(?:passw(?:or)?d|pwd|passphrase|secret|token|authorization|cookie|(?:api|access|private)[-_]?key|credentials?)$/i

/** The text with {@link MASK} in the place of each credential. */
export function maskText (text: string): string {
  if (!SUSPECT.test(text)) return text
  return text
    .replace(ADDRESS, (whole, rest: string) => maskAddress(whole, rest))
    .replace(PARAMETER, (whole, sign: string, name: string) => isSecretParameter(name) ? `${sign}${name}=${MASK}` : whole)
    .replace(HEADER, (whole, scheme: string, value: string) => isCredential(value) ? `${scheme} ${MASK}` : whole)
    .replace(PAIR, (whole, name: string, between: string, value: string) =>
      PAIR_NAME.test(name) && !value.startsWith(MASK) && isPair(name, between) ? `${name}${between}${MASK}` : whole)
}

/** A password may hold a slash or an at sign that nobody has quoted: `://me:a/b@c@host`. */
function maskAddress (whole: string, rest: string): string {
  const at = rest.lastIndexOf('@')
  if (at === -1) return whole
  const authority = /^[^/?#]*/.exec(rest)?.[0] ?? ''
  if (authority.includes('@')) return `://${MASK}${rest.slice(authority.lastIndexOf('@'))}`
  const isPlainHost = /^(?:\[[^\]]*\]|[^:]*)(?::\d*)?$/.test(authority)
  return isPlainHost ? whole : `://${MASK}${rest.slice(at)}`
}

function isSecretParameter (name: string): boolean {
  return isSecretKey(name) || /sig(?:nature)?$/i.test(name)
}

/** Words follow "basic" and "bearer" in sentences too; a credential has digits, signs or capitals within. */
function isCredential (value: string): boolean {
  return /[\d=+/_~-]|[a-z][A-Z]/.test(value)
}

/** "unexpected token: x" is a sentence; `x-consul-token: x` and `"token":"x"` are not. */
function isPair (name: string, between: string): boolean {
  return between !== ': ' || /[-_.]/.test(name) || !/^(?:token|secret|cookie)$/i.test(name)
}
