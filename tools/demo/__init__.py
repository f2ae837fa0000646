"""`make demo`: edits a picture on a real headless ComfyUI and shows what each method did."""
