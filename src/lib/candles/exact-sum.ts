export { ExactSum, roundSum } from '../model/exact-sum.js';
