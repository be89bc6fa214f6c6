// SPDX-License-Identifier: Apache-2.0

/** Loads a library into a JVM, with all that it needs. LoadLibrary FILE */
public final class LoadLibrary {
  public static void main(String[] arguments) {
    System.load(arguments[0]);
    System.out.println("loaded");
  }
}
