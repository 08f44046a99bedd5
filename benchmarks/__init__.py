"""What barexec costs, beside what others cost, in one run: `python -m benchmarks [NAME …]`.

Times of a shared machine lie; ratios of what was measured in turns in the same run say
something. Each module has a `main()` that prints its table, and says what was asked of it.
"""
