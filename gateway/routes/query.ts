/** Query strings as raw text: parameters are read decoded, and edited without touching the bytes of the others. */

/** Decoded values of one parameter; `a` and `a=` are both the empty text. */
export function queryValues (query: string, name: string): string[] {
  const values: string[] = []
  for (const pair of query.split('&')) {
    const at = pair.indexOf('=')
    if (decodeParam(at < 0 ? pair : pair.slice(0, at)) === name) values.push(at < 0 ? '' : decodeParam(pair.slice(at + 1)))
  }
  return values
}

/** The query without one parameter. */
export function withoutParam (query: string, name: string): string {
  return query.split('&').filter(pair => decodeParam(pair.split('=', 1)[0] ?? '') !== name).join('&')
}

/** Appends raw `name=value`. */
export function withParam (query: string, raw: string): string {
  return query === '' ? raw : `${query}&${raw}`
}

function decodeParam (text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
