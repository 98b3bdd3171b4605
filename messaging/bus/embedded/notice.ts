/** Something that a person should know: one sentence, and what it is about. */
export type Notice = (text: string, fields: Readonly<Record<string, unknown>>) => void
