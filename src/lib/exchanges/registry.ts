/* Every exchange, one line each, in the order of their names. */
export { bitget } from './bitget/index.js';
export { bybit } from './bybit/index.js';
