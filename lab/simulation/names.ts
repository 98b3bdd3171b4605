/** Who takes part. */

export const SERVICES = ['users', 'orders', 'inventory', 'payments', 'order-history'] as const
export type ServiceName = typeof SERVICES[number]

/** Whatever can crash. */
export const NODES = [...SERVICES, 'bus'] as const
export type NodeName = typeof NODES[number]
/** What has its store in sqlite. */
export const SQLITE = ['users', 'orders', 'payments', 'order-history', 'bus'] as const
export type SqliteName = typeof SQLITE[number]
