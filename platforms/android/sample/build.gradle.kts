// SPDX-License-Identifier: Apache-2.0
// Puts binocle.aar (make_aar.py) and a model together into an app:
//   gradle assembleDebug -Pbinocle.aar=PATH/binocle.aar -Pbinocle.model=PATH/model.bnc
plugins {
  id("com.android.application") version "8.7.0"
  id("org.jetbrains.kotlin.android") version "2.0.21"
}

fun given(name: String) = file(requireNotNull(findProperty("binocle.$name")) { "-Pbinocle.$name=FILE is missing" })

android {
  namespace = "org.binocle.sample"
  compileSdk = 35
  defaultConfig {
    minSdk = 29
    targetSdk = 35
    ndk { abiFilters += "arm64-v8a" }
  }
  compileOptions {
    sourceCompatibility = JavaVersion.VERSION_1_8
    targetCompatibility = JavaVersion.VERSION_1_8
  }
  kotlinOptions { jvmTarget = "1.8" }
  // A model is mapped from a file: it is copied out of the package at the first start, and gains nothing from being packed twice.
  androidResources { noCompress += "bnc" }
  sourceSets["main"].assets.srcDir(layout.buildDirectory.dir("model"))
}

val copyModel = tasks.register<Copy>("copyModel") {
  from(provider { given("model") })
  into(layout.buildDirectory.dir("model"))
  rename { "model.bnc" }
}
tasks.named("preBuild") { dependsOn(copyModel) }

dependencies {
  implementation(files(provider { given("aar") }))
}
