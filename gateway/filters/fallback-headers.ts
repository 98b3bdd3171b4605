/** `FallbackHeaders`: tells the fallback target why it was asked. All four headers, where Spring 5.0 sends three. */
import type { FilterFactory } from '../routes/factory.ts'
import { FAILURE_NAMES } from './failure-names.ts'
import { filterText } from './text.ts'

const NAMES = {
  executionExceptionTypeHeaderName: 'Execution-Exception-Type',
  executionExceptionMessageHeaderName: 'Execution-Exception-Message',
  rootCauseExceptionTypeHeaderName: 'Root-Cause-Exception-Type',
  rootCauseExceptionMessageHeaderName: 'Root-Cause-Exception-Message'
} as const

export const fallbackHeaders: FilterFactory = {
  name: 'FallbackHeaders',
  fields: Object.keys(NAMES),
  create (args, _draft, _context, order) {
    const [type, message, rootType, rootMessage] = Object.entries(NAMES)
      .map(([key, name]) => args.string(key, name).toLowerCase())
    return {
      name: 'FallbackHeaders',
      order,
      request (x) {
        if (x.failure === undefined) return undefined
        const name = FAILURE_NAMES[x.failure.kind]
        const text = x.failure.message.replaceAll(/[^\x20-\x7e]/g, '?')
        x.setHeader(type ?? '', name)
        x.setHeader(message ?? '', text)
        x.setHeader(rootType ?? '', name)
        x.setHeader(rootMessage ?? '', text)
        return undefined
      },
      toString: () => filterText('FallbackHeaders')
    }
  }
}
