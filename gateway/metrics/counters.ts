/** Counters of one event loop beside the requests themselves, by their Prometheus names. */

export interface LoopCounters {
  breakwater_gateway_connections_total: number
  breakwater_gateway_connections_refused_total: number
  breakwater_gateway_tls_errors_total: number
  /** Requests whose head was not acceptable (4xx and 5xx before any route). */
  breakwater_gateway_malformed_requests_total: number
  breakwater_gateway_unmatched_requests_total: number
  breakwater_gateway_client_aborts_total: number
  breakwater_gateway_tries_total: number
  breakwater_gateway_retries_total: number
  /** Requests that went to another instance because nothing of them could be sent to the first; no retries. */
  breakwater_gateway_redirected_total: number
  breakwater_gateway_hedges_total: number
  /** Hedges that were answered before the try they stood beside. */
  breakwater_gateway_hedges_won_total: number
  breakwater_gateway_upstream_connections_total: number
  breakwater_gateway_access_log_dropped_total: number
}

export function loopCounters (): LoopCounters {
  return {
    breakwater_gateway_connections_total: 0,
    breakwater_gateway_connections_refused_total: 0,
    breakwater_gateway_tls_errors_total: 0,
    breakwater_gateway_malformed_requests_total: 0,
    breakwater_gateway_unmatched_requests_total: 0,
    breakwater_gateway_client_aborts_total: 0,
    breakwater_gateway_tries_total: 0,
    breakwater_gateway_retries_total: 0,
    breakwater_gateway_redirected_total: 0,
    breakwater_gateway_hedges_total: 0,
    breakwater_gateway_hedges_won_total: 0,
    breakwater_gateway_upstream_connections_total: 0,
    breakwater_gateway_access_log_dropped_total: 0
  }
}
