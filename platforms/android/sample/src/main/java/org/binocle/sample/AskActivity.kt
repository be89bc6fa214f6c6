// SPDX-License-Identifier: Apache-2.0
package org.binocle.sample

import android.app.Activity
import android.content.ContentValues
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.provider.MediaStore
import android.widget.Button
import android.widget.EditText
import android.widget.LinearLayout
import android.widget.TextView
import java.io.File
import java.util.concurrent.Executors
import org.binocle.BinocleException
import org.binocle.Model
import org.binocle.Sampling
import org.binocle.Session
import org.binocle.TokenListener
import org.binocle.android.BatteryEnergy

/** Takes a picture, asks about it, and shows the answer as it comes. All of the work is on one thread of its own. */
class AskActivity : Activity() {
  private val worker = Executors.newSingleThreadExecutor()
  private lateinit var answer: TextView
  private lateinit var question: EditText
  private lateinit var energy: BatteryEnergy
  private var picture: Uri? = null

  // The worker's, but that any thread may cancel.
  private var model: Model? = null
  @Volatile private var session: Session? = null

  override fun onCreate(state: Bundle?) {
    super.onCreate(state)
    answer = TextView(this)
    question = EditText(this).apply { setText(R.string.question) }
    energy = BatteryEnergy(this)
    val layout = LinearLayout(this).apply { orientation = LinearLayout.VERTICAL }
    layout.addView(button(R.string.camera) { takePicture() })
    layout.addView(question)
    layout.addView(button(R.string.ask) { ask(question.text.toString()) })
    layout.addView(button(R.string.stop) { session?.cancel() })
    layout.addView(answer)
    setContentView(layout)
    inBackground { open() }
  }

  override fun onDestroy() {
    session?.cancel()
    worker.execute {
      session?.close()
      model?.close()
      energy.close()
    }
    worker.shutdown()
    super.onDestroy()
  }

  private fun button(text: Int, action: () -> Unit) = Button(this).apply {
    setText(text)
    setOnClickListener { action() }
  }

  private fun show(text: String, behind: Boolean = false) = runOnUiThread { if (behind) answer.append(text) else answer.text = text }

  /** What the library refuses is told in its own words. */
  private fun inBackground(work: () -> Unit) = worker.execute {
    try {
      work()
    } catch (e: BinocleException) {
      show(e.message ?: e.toString())
    }
  }

  /** A model is mapped from a file, which a package is not. */
  private fun open() {
    val file = File(noBackupFilesDir, "model.bnc")
    if (!file.exists()) {
      val partial = File(noBackupFilesDir, "model.partial")
      assets.open("model.bnc").use { from -> partial.outputStream().use { from.copyTo(it) } }
      partial.renameTo(file)
    }
    val options = Model.Options()
    options.cacheFolder = codeCacheDir.path
    options.logger = Model.Logger { _, message -> show(message) }
    model = Model.open(file.path, options).also { session = it.newSession() }
  }

  @Suppress("DEPRECATION") // the newer way needs a library of Google's
  private fun takePicture() {
    picture = contentResolver.insert(MediaStore.Images.Media.EXTERNAL_CONTENT_URI, ContentValues())
    startActivityForResult(Intent(MediaStore.ACTION_IMAGE_CAPTURE).putExtra(MediaStore.EXTRA_OUTPUT, picture), 1)
  }

  @Deprecated("see takePicture")
  override fun onActivityResult(request: Int, result: Int, data: Intent?) {
    val uri = picture
    if (result != RESULT_OK || uri == null) return
    show("…")
    inBackground {
      val bytes = contentResolver.openInputStream(uri)?.use { it.readBytes() } ?: return@inBackground
      session?.apply {
        reset()
        addImage(bytes) // the library sets it upright
        show("seen in %.1f s".format(statistics().visionSeconds))
      }
    }
  }

  private fun ask(text: String) = inBackground {
    val before = energy.joules()
    show("")
    session?.apply {
      ask(text)
      generate(Sampling(), TokenListener { _, piece ->
        show(piece, behind = true)
        true
      })
    }
    val joules = energy.joules() - before
    if (!joules.isNaN()) show("\n%.1f J".format(joules), behind = true)
  }
}
