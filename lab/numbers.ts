/** Numbers from a command line. */

/** A whole number, or the end of the program with 2: what is mistyped must not run as something else and be green. */
export function wholeNumber (name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  if (/^\d{1,15}$/.test(text)) return Number(text)
  console.error(`--${name} is ${JSON.stringify(text)}: a whole number is needed`)
  process.exit(2)
}
