// SPDX-License-Identifier: Apache-2.0
package org.binocle;

/** Loads libbinocle_jni once: from the APK or java.library.path, or the file that the property org.binocle.library names. */
final class NativeLibrary {
  static {
    String file = System.getProperty("org.binocle.library");
    if (file != null) System.load(file);
    else System.loadLibrary("binocle_jni");
  }

  private NativeLibrary() {}

  static void load() {}
}
