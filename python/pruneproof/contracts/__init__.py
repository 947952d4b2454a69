"""What a criterion, model, schedule, data set, allocation, claim test or mechanism is: frozen records, no behaviour."""
