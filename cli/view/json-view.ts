/** One JSON object per line for machines: `{"event":"status","name":"users-1","state":"UP",...}`. */
import type { View } from './view.ts'

export function createJsonView (write: (text: string) => void): View {
  const emit = (event: string, data: object = {}) => { write(`${JSON.stringify({ event, at: Date.now(), ...data })}\n`) }
  return {
    status: status => { emit('status', status) },
    lines: () => {},
    problem: (message, lastLines) => { emit('problem', { message, lastLines }) },
    note: text => { emit('note', { text }) },
    ready: summary => { emit('ready', summary) },
    close: () => { emit('stopped') }
  }
}
