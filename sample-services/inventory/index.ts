export { startInventory } from './inventory.ts'
