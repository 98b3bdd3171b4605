/** Request cookies, read without building an object: a cookie named `__proto__` is a cookie. */

/** All values of one cookie, in order, quotes removed. */
export function cookieValues (headers: readonly string[], name: string): string[] {
  const values: string[] = []
  for (const header of headers) {
    if (!header.includes(name)) continue
    for (const pair of header.split(';')) {
      const at = pair.indexOf('=')
      if (at > 0 && pair.slice(0, at).trim() === name) values.push(unquote(pair.slice(at + 1).trim()))
    }
  }
  return values
}

function unquote (value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}
