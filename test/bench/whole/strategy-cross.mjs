// Long while the average of 20 closes is above that of 50, else short, with a hundredth of the equity.
export const parameters = {};

export function exposure({ close }) {
  const wanted = new Float64Array(close.length);
  let [fast, slow] = [0, 0];
  for (let i = 0; i < close.length; i++) {
    fast += close[i] - (i >= 20 ? close[i - 20] : 0);
    slow += close[i] - (i >= 50 ? close[i - 50] : 0);
    if (i >= 49) wanted[i] = fast / 20 > slow / 50 ? 0.01 : -0.01;
  }
  return wanted;
}
