/** All filters by Spring's name, and the few of our own. JsonToGrpc is left out: docs/gateway.md says why. */
import type { FilterFactory } from '../routes/factory.ts'
import { adaptiveConcurrency } from './adaptive-concurrency.ts'
import { redirectTo, setStatus } from './answers.ts'
import { circuitBreaker } from './circuit-breaker.ts'
import { fallbackHeaders } from './fallback-headers.ts'
import { addRequestParameter, removeRequestParameter, rewriteRequestParameter } from './parameters.ts'
import { hedge } from './hedge.ts'
import { prefixPath, rewritePath, setPath, stripPrefix } from './paths.ts'
import {
  addRequestHeader, addRequestHeadersIfNotPresent, mapRequestHeader, preserveHostHeader, removeRequestHeader,
  setRequestHeader, setRequestHostHeader
} from './request-headers.ts'
import {
  addResponseHeader, dedupeResponseHeader, removeResponseHeader, rewriteLocationResponseHeader, rewriteResponseHeader,
  setResponseHeader
} from './response-headers.ts'
import { removeJsonAttributesResponseBody } from './json-body.ts'
import { localResponseCache } from './local-response-cache.ts'
import { cacheRequestBody, saveSession } from './modify-body.ts'
import { requestHeaderSize, requestSize } from './request-limits.ts'
import { requestRateLimiter } from './request-rate-limiter.ts'
import { requestHeaderToRequestUri, setRequestUri } from './request-uri.ts'
import { retry } from './retry.ts'
import { secureHeaders } from './secure-headers.ts'
import { authenticate, requireScope } from './authenticate.ts'
import { allowAddresses, denyAddresses } from './addresses.ts'
import { tokenRelay } from './token-relay.ts'

export const FILTERS: ReadonlyMap<string, FilterFactory> = new Map([
  addRequestHeader, addRequestHeadersIfNotPresent, addRequestParameter, addResponseHeader, circuitBreaker,
  dedupeResponseHeader, fallbackHeaders, mapRequestHeader, prefixPath, preserveHostHeader, redirectTo,
  removeRequestHeader, removeRequestParameter, removeResponseHeader, retry, rewriteLocationResponseHeader, rewritePath,
  rewriteRequestParameter, rewriteResponseHeader, setPath, setRequestHeader, setRequestHostHeader, setResponseHeader,
  setStatus, stripPrefix, adaptiveConcurrency, allowAddresses, authenticate, cacheRequestBody, denyAddresses,
  hedge, localResponseCache,
  removeJsonAttributesResponseBody, requestHeaderSize, requestHeaderToRequestUri, requestRateLimiter, requestSize,
  requireScope, saveSession, secureHeaders, setRequestUri, tokenRelay
].map(factory => [factory.name, factory]))
