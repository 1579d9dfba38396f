"""From results to what people open: one HTML file, one workbook, notebooks."""
