// SPDX-License-Identifier: Apache-2.0
package android.content;

public final class IntentFilter {
  public IntentFilter(String action) {
    if (!action.equals(Intent.ACTION_BATTERY_CHANGED)) throw new IllegalArgumentException(action);
  }
}
