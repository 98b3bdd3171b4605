/**
 * The places of filters that do not stand where they are listed: requests pass from the lowest to the highest,
 * answers from the highest to the lowest. Listed ones have 1, 2, 3 ...
 */

/** Before authentication: a preflight carries no credentials. */
export const CORS_ORDER = -2_000
/** Before everything else a route does. */
export const ADDRESSES_ORDER = -1_000
/** After the address lists, before everything that acts in the caller's name. */
export const AUTHENTICATE_ORDER = -900
export const REQUIRE_SCOPE_ORDER = AUTHENTICATE_ORDER + 1
/** After all filters that rewrite the path: Spring's RouteToRequestUrlFilter has 10000. */
export const REQUEST_URI_ORDER = 10_001
/** On the way back only: what Spring puts on the answer before the request goes on. Never in the cache. */
export const AHEAD_ORDER = 19_999
/** Behind the filters that decide who may and what is asked: a hit has passed them, what is kept is the upstream's. */
export const CACHE_ORDER = 20_000
