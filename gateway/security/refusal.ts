/** 401 and 403 in the body that Spring Boot's errors have; it says no more than the status does. */
import { STATUS_CODES } from 'node:http'
import type { Exchange, Reply } from '../exchange.ts'

export function refusal (x: Exchange, status: number, headers: Reply['headers'] = []): Reply {
  return {
    status,
    headers: [['content-type', 'application/json'], ...headers],
    body: JSON.stringify({
      timestamp: new Date().toISOString(),
      path: x.rawPath,
      status,
      error: STATUS_CODES[status],
      requestId: x.requestId
    })
  }
}
