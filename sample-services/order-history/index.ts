export { startOrderHistory } from './order-history.ts'
