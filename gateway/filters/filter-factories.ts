/** All filters by Spring's name. JsonToGrpc and SaveSession are left out: docs/gateway.md says why. */
import type { FilterFactory } from '../routes/factory.ts'
import { redirectTo, setStatus } from './answers.ts'
import { circuitBreaker } from './circuit-breaker.ts'
import { fallbackHeaders } from './fallback-headers.ts'
import { addRequestParameter, removeRequestParameter, rewriteRequestParameter } from './parameters.ts'
import { prefixPath, rewritePath, setPath, stripPrefix } from './paths.ts'
import {
  addRequestHeader, addRequestHeadersIfNotPresent, mapRequestHeader, preserveHostHeader, removeRequestHeader,
  setRequestHeader, setRequestHostHeader
} from './request-headers.ts'
import {
  addResponseHeader, dedupeResponseHeader, removeResponseHeader, rewriteLocationResponseHeader, rewriteResponseHeader,
  setResponseHeader
} from './response-headers.ts'
import { retry } from './retry.ts'

export const FILTERS: ReadonlyMap<string, FilterFactory> = new Map([
  addRequestHeader, addRequestHeadersIfNotPresent, addRequestParameter, addResponseHeader, circuitBreaker,
  dedupeResponseHeader, fallbackHeaders, mapRequestHeader, prefixPath, preserveHostHeader, redirectTo,
  removeRequestHeader, removeRequestParameter, removeResponseHeader, retry, rewriteLocationResponseHeader, rewritePath,
  rewriteRequestParameter, rewriteResponseHeader, setPath, setRequestHeader, setRequestHostHeader, setResponseHeader,
  setStatus, stripPrefix
].map(factory => [factory.name, factory]))
